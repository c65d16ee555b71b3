#!/bin/sh
# Lists the workspace as a push would find it; makes nothing.
# Given: state, the state folder; workspace; format, linked and unwritable, the formats of the listings.
# Replies: workspace (absolute), was-workspace (see tell_workspaces), then a line `listing` and the listing; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
need_rsync
locate "$state"
tell_workspaces "$path"
printf 'workspace %s\nlisting\n' "$workspace"
if [ -d "$workspace" ]; then list_workspace "$workspace" "$format" "$linked" "$unwritable"; fi
