#!/bin/sh
# Lists what the host holds of the cube.
# Given, beside what inventory.sh needs:
#   format              of an entry of the tree
#   unreadable          of one that can't be read
#   format_outside      of an entry of a workspace outside the tree
#   unreadable_outside  of one that can't be read
# Replies:
#   found KIND KIB PATH  for each item; `found container 0 ID` for a container
#   silent ENGINE        for each engine that may have containers of jobs and doesn't reply
#   newest ID            the newest job
#   listing              then the entries of the tree and the workspaces
# shellcheck disable=SC2154 # inventory.sh sets the folders, the client what is given

found() {
  [ -e "$2" ] || return 0
  # -H: a link that the account made itself is removed together with the folder it leads to, so that folder is measured.
  size=$(du -skH "$2" 2>/dev/null | cut -f 1)
  printf 'found %s %s %s\n' "$1" "${size:-0}" "$2"
}

check_readable "$state/jobs"
# Without a state folder no push of ours made the tree.
if [ -d "$state" ]; then
  if is_our_tree; then
    found tree "$base"
    if is_in_tree; then found workspace "$workspace"; fi
  else
    found foreign "$base"
  fi
  for own in "$state"/workspaces/*; do found own "$own"; done
  # What a push that was cut off has sent, and its next one continues with.
  for push in "$state"/incoming/*; do is_held_incoming "$push" || found partial "$push"; done
  # Interrupted pushes of earlier versions, and those to another disk, left these folders beside files.
  find "$base/" "$state/workspaces/" -type d -name .mlcube-ssh-partial -prune 2>/dev/null |
    while read -r partial; do
      if is_partial "$partial"; then found partial "$partial"; fi
    done
  found replaced "$state/replaced"
fi
if is_our_environment; then found environment "$environment"; fi
for job in "$state"/jobs/*; do
  [ -d "$job" ] || continue
  what=job
  if runs "$job"; then
    what=running
    [ "$how" != pending ] || what=pending
  fi
  found "$what" "$job"
  find_containers "$job" || tell_silent silent "$job"
  for container in $containers; do printf 'found container 0 %s\n' "$container"; done
done
printf 'newest %s\nlisting\n' "$(newest_job)"

# The slash follows a link that the account made itself: find(1) lists nothing below a bare link.
list() {
  [ -d "$1" ] || return 0
  find "$1/" -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$3" -prune -o -mindepth 1 -printf "$2"
}
if [ -d "$state" ]; then
  list "$base" "$format" "$unreadable" && list "$state/workspaces" "$format_outside" "$unreadable_outside"
fi
