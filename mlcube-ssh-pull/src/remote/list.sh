#!/bin/sh
# Lists a workspace. $1 workspace, $2 the format of the list, $3 that of entries that can't be read.
# Answers: workspace (absolute), then a line `listing` and the list; or problem.

workspace=$(absolute "$1")
[ -d "$workspace" ] || problem no-workspace "$workspace"
command -v rsync >/dev/null || problem no-rsync
printf 'workspace %s\nlisting\n' "$workspace"
cd "$workspace" || problem no-workspace "$workspace"
find . -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$3" -prune -o -mindepth 1 -printf "$2"
exit 0
