#!/bin/sh
# shellcheck disable=SC2154 # the prelude sets private

# Lists the workspace $1 in the format $2, its read-only folders in the format $3. A folder that can't be listed or
# entered, such as a container's, is listed in the format $4: nobody knows what is in it.
list_workspace() {
  cd "$1" && find . -mindepth 1 -type d '(' ! -readable -o ! -executable ')' -printf "$4" -prune -o \
    -mindepth 1 '(' -type d ! -writable -printf "$3" -o -printf "$2" ')'
}

# Replies with every place in the base that is or was a workspace, read from the state folder $1. What is in such a
# place isn't code.
tell_workspaces() {
  [ -f "$1/workspace-places" ] || return 0
  while IFS= read -r known; do
    printf 'was-workspace %s\n' "$known"
  done <"$1/workspace-places"
}

# Removes the place $2 from the former workspaces in the state folder $1: the user declares it to be code.
forget_workspace() {
  [ -n "$2" ] && [ -f "$1/workspace-places" ] || return 0
  new=$1/workspace-places.$$.new
  (umask "$private" && while IFS= read -r known; do
    [ "$known" = "$2" ] || printf '%s\n' "$known"
  done <"$1/workspace-places" >"$new") && mv -f "$new" "$1/workspace-places"
}

# Checks whether the place $2 is or was a workspace, according to the state folder $1.
is_workspace() { has_line "$1/workspace-places" "$2"; }

# Notes in the state folder $1 that the place $2 is a workspace.
note_workspace() {
  if [ -z "$2" ] || is_workspace "$1" "$2"; then return 0; fi
  (umask "$private" && printf '%s\n' "$2" >>"$1/workspace-places")
}
