#!/bin/sh
# Lists a workspace.
# Given:
#   base              the remote tree
#   workspace         that is listed
#   state             the state folder
#   former_workspace  where an earlier version kept the workspace, or nothing
#   format            of the listing
#   unreadable        of unreadable entries
#   transfer_file     for a pull: the name of the file with the id of the last transfer; else nothing
#   known_transfers   for a pull: the ids with which the workspace is as it was left
#   transfer_id       for a pull: that of this one
# Replies:
#   workspace PATH        absolute
#   transfer ID           for a pull: the id of the last transfer
#   now SECONDS           since 1970, before the listing
#   noted                 if it is this pull now
#   listing               then the listing
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate_places
check_own "$state" "$base"
if [ -n "$former_workspace" ]; then
  take_former_workspace "$workspace" "$former_workspace" "$state" || :
fi
[ -d "$workspace" ] || problem no-workspace "$workspace"
need_rsync
printf 'workspace %s\n' "$workspace"
if [ -n "$transfer_file" ]; then
  know_transfer "$state/$transfer_file" "$workspace"
  printf 'transfer %s\n' "$last_transfer"
  # If the workspace has changed since the last transfer, the client hasn't compared it yet, so its id is kept.
  case " $known_transfers " in
    *' any '* | *" $last_transfer "*) ! note_transfer "$state/$transfer_file" "$workspace" "$transfer_id" || echo 'noted yes' ;;
  esac
fi
# Before the listing, so that what changes meanwhile counts as new.
printf 'now %s\nlisting\n' "$(date +%s)"
cd "$workspace" || problem no-workspace "$workspace"
# For a file of the account's own with read permission, -readable isn't called: it takes as long as looking at the file.
user=$(id -u)
find_all . -mindepth 1 \
  \( ! -type l ! \( -type f -uid "$user" -perm -400 \) ! -readable -o -type d ! -executable \) -printf "$unreadable" -prune -o \
  -mindepth 1 -printf "$format"
