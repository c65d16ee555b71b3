#!/bin/sh
# Lists the workspace as a push would find it, and makes nothing. $1 workspace, $2 and $3 the formats of the lists.
# Answers: workspace (absolute), then a line `listing` and the list; or problem.

workspace=$(absolute "$1")
command -v rsync >/dev/null || problem no-rsync
printf 'workspace %s\nlisting\n' "$workspace"
if [ -d "$workspace" ]; then list_workspace "$workspace" "$2" "$3"; fi
