#!/bin/sh
# Lists the targets of links that lead out of the workspace: the file, or the folder with all that is in it.
# Given:
#   workspace   that holds the links
#   linked      the format of the listing
#   unreadable  the format of unreadable entries
# Words: the links, by their paths in the workspace.
# Replies:
#   listing               then the listing, without broken links
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-workspace "$path"
printf 'listing\n'
for link; do
  [ -e "$link" ] || continue
  # -L lists the target instead of the link.
  find_all -L "./$link" -maxdepth 0 \( ! -readable -o -type d ! -executable \) -printf "$unreadable" -o \
    -maxdepth 0 -printf "$linked" || return
  if [ ! -d "$link" ] || [ ! -r "$link" ] || [ ! -x "$link" ]; then continue; fi
  # The trailing slash makes find enter the link.
  find_all "./$link/" -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$unreadable" -prune -o \
    -mindepth 1 -printf "$linked" || return
done
