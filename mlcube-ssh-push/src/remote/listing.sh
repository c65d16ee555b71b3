#!/bin/sh
# Lists the workspace $1 in the format $2, its folders that can't be written in the format $4, and what lies behind its links
# to folders in the format $3. Of a folder that
# can't be entered, a container's perhaps, only the folder itself. A link that leads to itself isn't readable, and would be
# an error of find's.
list_workspace() {
  closed='-type d ( ! -readable -o ! -executable ) -prune'
  # shellcheck disable=SC2086 # words of find
  cd "$1" && find . -mindepth 1 '(' -type d ! -writable -printf "$4" -o -printf "$2" ')' '(' $closed -o \
    -type l ! -readable -o -type l -xtype d -exec find '{}/' -mindepth 1 -printf "$3" $closed ';' ')'
}
