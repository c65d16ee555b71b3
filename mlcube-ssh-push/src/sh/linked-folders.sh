#!/bin/sh
# Lists what is behind links of the workspace that lead to folders.
# Given:
#   workspace  that holds the links
#   linked     the format of the listing
# Words: the links, by their paths in the workspace.
# Replies:
#   listing               then the listing
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-workspace "$path"
unlisted='u %m %s %T@ %p\0!it cannot be listed\0'
printf 'listing\n'
for link; do
  # A link that leads to itself isn't readable.
  if [ ! -d "$link" ] || [ ! -r "$link" ]; then continue; fi
  # The trailing slash makes find enter the link. Of a folder that can't be entered, such as a container's, only the
  # folder itself is listed. What can't be listed for another reason becomes an unreadable entry.
  find "./$link/" -mindepth 1 -printf "$linked" -type d '(' ! -readable -o ! -executable ')' -prune ||
    find "./$link" -maxdepth 0 -printf "$unlisted"
done
