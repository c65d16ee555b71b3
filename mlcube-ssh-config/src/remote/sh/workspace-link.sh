#!/bin/sh
# Links on the way to a workspace. A task can put one in the place of the workspace, or of a folder above it, so that
# the next push writes, or the next task is given, what its container doesn't reach. The file workspace-links in the
# state folder holds a line `WORKSPACE -> REAL PATH` for each link that was there at the first push, or that the user
# names.
# shellcheck disable=SC2154 # the prelude sets private

# Sets `leads_to` to the real path of the workspace $1, if a link below the tree $2 or the state folder $3 leads to it;
# else to nothing. Starts no process unless there is a link.
find_workspace_link() {
  leads_to=
  case $1 in
    "$2"/*) at=$2 ;;
    "$3"/*) at=$3 ;;
    # The account's user names it.
    *) return 0 ;;
  esac
  below=${1#"$at"/}
  while [ -n "$below" ]; do
    at=$at/${below%%/*}
    if [ -L "$at" ]; then
      leads_to=$(cd -P "$1" 2>/dev/null && pwd -P) || leads_to=$(readlink "$at")
      return 0
    fi
    case $below in */*) below=${below#*/} ;; *) below= ;; esac
  done
}

# Ends the script if such a link leads to the workspace $1, and the state folder $3 doesn't list it.
check_workspace_link() {
  find_workspace_link "$@"
  [ -z "$leads_to" ] || has_line "$3/workspace-links" "$1 -> $leads_to" || problem linked-workspace "$1 -> $leads_to"
}

# Adds such a link to the list in the state folder $3.
note_workspace_link() {
  find_workspace_link "$@"
  [ -z "$leads_to" ] || has_line "$3/workspace-links" "$1 -> $leads_to" ||
    (umask "$private" && printf '%s\n' "$1 -> $leads_to" >>"$3/workspace-links")
}
