#!/bin/sh
# What every remote script has. The text is the body of a function; descriptor 3 is the client's end.

# What programs say is read as words: in one language. The job gets the user's own back (`-`: none was set).
# shellcheck disable=SC2034 # for the script that starts a job
user_locale=${LC_ALL--}
LC_ALL=C
export LC_ALL

# Sets `path` to the absolute path of $1, which is absolute or below the home folder.
locate() {
  case $1 in
    /*) path=$1 ;;
    \~) path=$HOME ;;
    \~/*) path=$HOME/${1#\~/} ;;
    *) path=$HOME/$1 ;;
  esac
}

# Prints it.
absolute() {
  locate "$1"
  printf '%s\n' "$path"
}

# Whether there is anything in the folder $1.
holds_anything() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$entry" ] || [ -L "$entry" ]; then return 0; fi
  done
  return 1
}

# What is made there is this user's alone; where a group shares the tree, the group's, and so is what a task makes.
private=077
if [ "${shared-}" = yes ]; then
  private=007
  umask 007
fi

# Makes these folders, for those alone whose the tree is; those that are there stay as they are.
make_private() {
  for missing; do
    if [ ! -d "$missing" ]; then
      (umask "$private" && mkdir -p "$@")
      return
    fi
  done
}

# Tells a person, at once, what is done now.
say() { printf 'say %s\n' "$*"; }

# Ends the script: $1 is the kind of the problem, the rest its subject.
problem() {
  # Where no process can be started, that is the cause of whatever failed: dash ends here, with words of its own.
  ( (:); :) || exit
  printf 'problem %s\n' "$*"
  exit 3
}

# Ends the script where files can't be transferred, or listed. openrsync has rsync's name on some systems, and few of its
# options.
need_rsync() {
  know_find
  command -v rsync >/dev/null || problem no-rsync
  case $(rsync --version 2>/dev/null) in openrsync*) problem openrsync ;; esac
}

# Ends this session's processes when a client that says `watch` goes away.
end_with_client() {
  { read -r word <&3 && [ "$word" = watch ] && cat <&3 && kill -TERM 0; } >/dev/null 2>&1 &
  client_watch=$!
}

# The client may go now.
let_client_go() { kill "$client_watch" 2>/dev/null || :; }
