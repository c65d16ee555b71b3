#!/bin/sh
# The start of every remote script. The text is the body of a function; descriptor 3 is read from the client.

# A misspelt name must not count as an empty value.
set -u

# Messages of programs are parsed, so they must be in one language. The job gets the user's own locale back (`-`: none
# was set).
# shellcheck disable=SC2034 # for the script that starts a job
user_locale=${LC_ALL--}
LC_ALL=C
export LC_ALL

# Sets `path` to the absolute path of $1, which is absolute or relative to the home folder.
locate() {
  case $1 in
    /*) path=$1 ;;
    \~) path=$HOME ;;
    \~/*) path=$HOME/${1#\~/} ;;
    *) path=$HOME/$1 ;;
  esac
}

# Makes the paths base, state and workspace absolute, which most scripts are given.
# shellcheck disable=SC2154 # the client sets them
locate_places() {
  locate "$base"
  base=$path
  locate "$state"
  state=$path
  locate "$workspace"
  workspace=$path
}

# Checks whether the file $1, which may be absent, has the line $2.
has_line() {
  [ -f "$1" ] || return 1
  while IFS= read -r known; do
    [ "$known" != "$2" ] || return 0
  done <"$1"
  return 1
}

# Checks that the folder $1 isn't empty.
holds_anything() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$entry" ] || [ -L "$entry" ]; then return 0; fi
  done
  return 1
}

# New files belong to this user alone; if a group shares the tree, to the group, and so do the files of a task.
private=077 closed=go-rwx
if [ "${shared-}" = yes ]; then
  private=007 closed=o-rwx
  umask 007
fi

# Makes these folders, and those above them that are missing, accessible only to the tree's owners; folders that exist
# stay unchanged. Where others may make folders, too, check_own has to be called afterwards: mkdir takes what another
# user has made meanwhile.
make_private() {
  for missing; do
    [ -d "$missing" ] || make_closed "$missing" || return
  done
}

make_closed() (
  wanted=$1 above=$1
  set --
  while [ -n "$above" ] && [ ! -d "$above" ]; do
    set -- "$above" "$@"
    case $above in */*) above=${above%/*} ;; *) above= ;; esac
  done
  umask "$private"
  mkdir -p "$wanted" || exit
  # In a folder with a default ACL, mkdir doesn't look at the umask. Somebody else's folder refuses, and check_own names
  # it.
  chmod "$closed" "$@" 2>/dev/null || :
)

# Shows the user at once what is being done.
say() { printf 'say %s\n' "$*"; }

# Ends the script: $1 is the kind of the problem, the rest its subject.
problem() {
  # Where no process can be started, that is the cause of any failure: dash ends at this line, with a message of its
  # own.
  ( (:); :) || exit
  printf 'problem %s\n' "$*"
  exit 3
}

# Ends the script if files can't be transferred or listed.
need_rsync() {
  begin_rsync_check
  end_rsync_check
}

# As need_rsync, but lets rsync tell its version while the script goes on until end_rsync_check: that takes as long as
# four small programs.
begin_rsync_check() {
  command -v rsync >/dev/null || problem no-rsync
  is_openrsync &
  rsync_check=$!
  know_find
}

end_rsync_check() { ! wait "$rsync_check" || problem openrsync; }

# openrsync is called rsync on some systems, has few of its options, and on some of them tells its version on standard
# error.
is_openrsync() { case $(rsync --version 2>&1) in *openrsync*) ;; *) return 1 ;; esac }

# Ends this session's processes when a client that sent `watch` disconnects.
end_with_client() {
  { read -r word <&3 && [ "$word" = watch ] && cat <&3 && kill -TERM 0; } >/dev/null 2>&1 &
  client_watch=$!
}

# Lets the client disconnect without ending the session.
let_client_go() { kill "$client_watch" 2>/dev/null || :; }
