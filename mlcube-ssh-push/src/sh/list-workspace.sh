#!/bin/sh
# Lists the workspace as a push would find it; makes nothing.
# Given:
#   base        the remote tree
#   state       the state folder
#   workspace   that is listed
#   format      of the listing
#   unwritable  of read-only folders
#   unreadable  of unreadable entries
# Replies:
#   base PATH             absolute
#   workspace PATH        absolute
#   was-workspace PLACE   for each, by tell_workspaces
#   listing               then the listing
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate_places
check_own "$state" "$base"
need_rsync
tell_workspaces "$state"
printf 'base %s\nworkspace %s\nlisting\n' "$base" "$workspace"
if [ -d "$workspace" ]; then list_workspace "$workspace" "$format" "$unwritable" "$unreadable"; fi
