#!/bin/sh
# Lists a workspace.
# Given: workspace; state (our own folder); former_workspace, where an earlier version kept the workspace, or nothing; format, that of the list; unreadable, that of entries that can't be read.
# Answers: workspace (absolute), then a line `listing` and the list; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
if [ -n "$former_workspace" ]; then
  locate "$state"
  take_former_workspace "$workspace" "$former_workspace" "$path" || :
fi
[ -d "$workspace" ] || problem no-workspace "$workspace"
need_rsync
printf 'workspace %s\n' "$workspace"
printf 'listing\n'
cd "$workspace" || problem no-workspace "$workspace"
# Of a file of the account's own with the right to read nothing else has to be asked: asking takes as long as looking at it.
user=$(id -u)
find_all . -mindepth 1 \
  \( ! -type l ! \( -type f -uid "$user" -perm -400 \) ! -readable -o -type d ! -executable \) -printf "$unreadable" -prune -o \
  -mindepth 1 -printf "$format"
