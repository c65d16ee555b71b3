#!/bin/sh
# Lists a workspace. $1 workspace, $2 the format of the list.
# Answers: workspace (absolute), then a line `listing` and the list; or problem.

workspace=$(absolute "$1")
[ -d "$workspace" ] || problem no-workspace "$workspace"
command -v rsync >/dev/null || problem no-rsync
printf 'workspace %s\nlisting\n' "$workspace"
cd "$workspace" && find . -mindepth 1 -printf "$2"
exit 0
