#!/bin/sh
# Lists a workspace.
# Given: workspace; format, that of the list; unreadable, that of entries that can't be read; lists, the folder in which
# a pull can put the names of what it fetches, or nothing.
# Answers: workspace and lists (absolute; no lists where nothing can be put there), then a line `listing` and the list;
# or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
[ -d "$workspace" ] || problem no-workspace "$workspace"
need_rsync
printf 'workspace %s\n' "$workspace"
if [ -n "$lists" ]; then
  locate "$lists"
  lists=$path
  if make_private "$lists" 2>/dev/null && [ -w "$lists" ]; then
    # Those of earlier pulls: rsync reads a list when it begins.
    if holds_anything "$lists"; then find "$lists" -type f -mmin +10 -exec rm -f {} + 2>/dev/null; fi
    printf 'lists %s\n' "$lists"
  fi
fi
printf 'listing\n'
cd "$workspace" || problem no-workspace "$workspace"
find . -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$unreadable" -prune -o \
  -mindepth 1 -printf "$format" || [ $? -lt 128 ] # one that was killed may have ended within an entry
