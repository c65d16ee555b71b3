#!/bin/sh
# Tells what is ours. After the words of belongings.sh: the format of the list, that of entries that can't be read, for the
# tree; then the same for the workspaces that lie outside the tree.
# Answers: a line `found KIND KIB PATH` each, `newest ID`, then a line `listing` and what lies in the tree and workspaces.
# shellcheck disable=SC2154 # belongings.sh sets the folders

found() {
  [ -e "$2" ] || return 0
  # -H: a link of the account's own is removed with the folder to which it leads.
  size=$(du -skH "$2" 2>/dev/null | cut -f 1)
  printf 'found %s %s %s\n' "$1" "${size:-0}" "$2"
}

check_readable "$state/jobs"
# Without a state folder the tree isn't one that we made.
if [ -d "$state" ]; then
  if is_our_tree; then
    found tree "$base"
    if is_in_tree; then found workspace "$workspace"; fi
  else
    found foreign "$base"
  fi
  for own in "$state"/workspaces/*; do found own "$own"; done
  # What pushes that were cut off have left beside files.
  find "$base/" "$state/workspaces/" -type d -name .mlcube-ssh-partial -prune 2>/dev/null |
    while read -r partial; do found partial "$partial"; done
  found replaced "$state/replaced"
fi
if is_our_environment; then found environment "$environment"; fi
for job in "$state"/jobs/*; do
  [ -d "$job" ] || continue
  if runs "$job"; then found running "$job"; else found job "$job"; fi
  for container in $(containers_of "$job"); do printf 'found container 0 %s\n' "$container"; done
done
printf 'newest %s\nlisting\n' "$(newest_job)"

# The slash leads through a link of the account's own: find(1) lists nothing below a bare link.
list() {
  [ -d "$1" ] || return 0
  find "$1/" -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$3" -prune -o -mindepth 1 -printf "$2"
}
if [ -d "$state" ]; then
  list "$base" "$1" "$2" && list "$state/workspaces" "$3" "$4"
fi
