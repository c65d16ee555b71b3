#!/bin/sh
# Lists the workspace as a push would find it; makes nothing.
# Given: base; state, the state folder; workspace; format, unwritable and unreadable, the formats of the listing.
# Replies: base and workspace (absolute), was-workspace (see tell_workspaces), then a line `listing` and the listing; or
# problem.
# shellcheck disable=SC2154 # the client sets what is given

locate_places
check_own "$state" "$base"
need_rsync
tell_workspaces "$state"
printf 'base %s\nworkspace %s\nlisting\n' "$base" "$workspace"
if [ -d "$workspace" ]; then list_workspace "$workspace" "$format" "$unwritable" "$unreadable"; fi
