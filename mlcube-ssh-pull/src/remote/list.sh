#!/bin/sh
# Lists a workspace. $1 workspace, $2 the format of the list, $3 that of entries that can't be read; for a pull also
# $4 our own folder, $5 a name for what is on its way to this pair of trees.
# Answers: workspace (absolute), lists (absolute: where a pull can put the names of what it fetches, if anywhere), then a
# line `listing` and the list; or problem.

workspace=$(absolute "$1")
[ -d "$workspace" ] || problem no-workspace "$workspace"
command -v rsync >/dev/null || problem no-rsync
printf 'workspace %s\n' "$workspace"
if [ -n "${5-}" ]; then
  lists=$(absolute "$4")/incoming/$5/tmp
  if (umask 077 && mkdir -p "$lists") 2>/dev/null && [ -w "$lists" ]; then
    # Those of earlier pulls: rsync reads a list when it begins.
    find "$lists" -type f -mmin +10 -exec rm -f {} + 2>/dev/null || :
    printf 'lists %s\n' "$lists"
  fi
fi
printf 'listing\n'
cd "$workspace" || problem no-workspace "$workspace"
find . -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$3" -prune -o -mindepth 1 -printf "$2"
exit 0
