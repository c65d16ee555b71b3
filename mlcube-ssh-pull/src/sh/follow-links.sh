#!/bin/sh
# Lists what links of the workspace that lead out of it stand for: the file, or the folder with all that is in it.
# Given: workspace; linked, the format of the list; unreadable, that of entries that can't be read.
# Words: the links, by their paths in the workspace.
# Answers: a line `listing` and the list; or problem. A link that leads nowhere isn't in it.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-workspace "$path"
printf 'listing\n'
for link; do
  [ -e "$link" ] || continue
  # -L: the entry is that of the link's end.
  find_all -L "./$link" -maxdepth 0 \( ! -readable -o -type d ! -executable \) -printf "$unreadable" -o \
    -maxdepth 0 -printf "$linked" || return
  if [ ! -d "$link" ] || [ ! -r "$link" ] || [ ! -x "$link" ]; then continue; fi
  # The slash lets find enter the link.
  find_all "./$link/" -mindepth 1 \( ! -type l ! -readable -o -type d ! -executable \) -printf "$unreadable" -prune -o \
    -mindepth 1 -printf "$linked" || return
done
