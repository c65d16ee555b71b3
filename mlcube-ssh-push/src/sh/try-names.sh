#!/bin/sh
# Tries whether the file system of the workspace holds names: makes a file of each, in a folder of our own.
# Given: workspace; format, that of the list.
# Words: paths that are new in the workspace, those of one folder together.
# Answers: a line `listing` and the list of what could be made, each in a folder with a number for every folder of theirs; or a
# line `unknown`.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
tries=$workspace/.mlcube-ssh-partial/names-$$ unknown=
mkdir -p "$tries" || problem not-writable "$tries"
# Says whether a file of a plain name can be made: where that fails, on a full disk or one that can't be written, nothing is known
# of other names.
can_make() { command : 2>/dev/null >"$tries/plain" && rm -f "$tries/plain"; }
can_make || unknown=yes
# Whether the folder $2 lists the path $1, in these bytes.
is_listed() {
  for listed in "$2"/* "$2"/.[!.]*; do
    [ "$listed" != "$1" ] || return 0
  done
  return 1
}
number=0 folder=none
for new; do
  case $new in
    */*) around=/${new%/*} ;;
    *) around= ;;
  esac
  if [ "$around" != "$folder" ]; then
    folder=$around number=$((number + 1))
    mkdir "$tries/$number"
  fi
  # What is found by this name is listed under another one, unless it came since the list was made.
  if [ -e "$workspace/$new" ] || [ -L "$workspace/$new" ]; then
    is_listed "$workspace/$new" "$workspace$around" || continue
  fi
  # A second name that is taken for the first finds that.
  place=$tries/$number/${new##*/}
  [ -e "$place" ] || command : 2>/dev/null >"$place"
done
can_make || unknown=yes
if [ -z "$unknown" ]; then
  printf 'listing\n'
  cd "$tries" && find . -mindepth 1 -printf "$format"
fi
cd / && rm -rf "$tries"
rmdir "$workspace/.mlcube-ssh-partial" 2>/dev/null || :
[ -z "$unknown" ] || printf 'unknown\n'
