#!/bin/sh
# What every remote script has. The text is the body of a function; descriptor 3 is the client's end.

# The absolute path of $1, which is absolute or below the home folder.
absolute() {
  case $1 in
    /*) printf '%s\n' "$1" ;;
    \~) printf '%s\n' "$HOME" ;;
    \~/*) printf '%s\n' "$HOME/${1#\~/}" ;;
    *) printf '%s\n' "$HOME/$1" ;;
  esac
}

# Tells a person, at once, what is done now.
say() { printf 'say %s\n' "$*"; }

# Ends the script: $1 is the kind of the problem, the rest its subject.
problem() {
  printf 'problem %s\n' "$*"
  exit 3
}

# Ends this session's processes when a client that says `watch` goes away.
end_with_client() {
  { read -r word <&3 && [ "$word" = watch ] && cat <&3 && kill -TERM 0; } >/dev/null 2>&1 &
  client_watch=$!
}

# The client may go now.
let_client_go() { kill "$client_watch" 2>/dev/null || :; }
