#!/bin/sh
# Removes links in the places where rsync looks for the parts of files. A task may have made them, and an rsync before 3.5
# takes the file behind such a link for the start of the file that it receives, and removes it.
# Given:
#   top   the tree or the workspace
#   name  of the folders that hold parts
# Words: the folders that rsync will write to, relative to it.
# shellcheck disable=SC2154 # the client sets what is given

locate "$top"
for folder; do
  place=$path/$folder/$name
  [ ! -L "$place" ] || rm -f "$place" || problem not-writable "$place"
done
