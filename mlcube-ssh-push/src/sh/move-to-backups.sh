#!/bin/sh
# Moves code that no longer exists locally out of the tree. The shell itself does what it can for each path, because a
# push may move thousands.
# Given:
#   tree     that held the code
#   backups  the folder for it. At the end of the push, backups of files that the local side has sent itself are removed
# Words: paths in the tree, the entries of a folder before the folder. A folder that holds anything else is kept.
# Replies:
#   deleted PATH          for each
#   skipped PATH          for one that can't be moved (a newline in a name is shown as ?)
#   why REASON            before the first of these
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate "$tree"
tree=$path
locate "$backups"
backups=$path
cd -P "$tree" || exit
tree=$PWD folder=/ is_itself=no told='' newline='
'

for place; do
  case $place in
    */*) around=${place%/*} ;;
    *) around= ;;
  esac
  if [ "$around" != "$folder" ]; then
    folder=$around is_itself=no
    # A folder that is reached through a link isn't the one of the path: the link may lead to a workspace or to other
    # code.
    if cd -P "$tree/$folder" 2>/dev/null; then
      [ "$PWD" != "$tree${folder:+/$folder}" ] || is_itself=yes
    fi
  fi
  [ "$is_itself" = yes ] || continue
  name=./${place##*/}
  if [ -d "$name" ] && [ ! -L "$name" ]; then
    did=deleted
    rmdir "$name" 2>/dev/null || continue
  elif [ -e "$name" ] || [ -L "$name" ]; then
    make_private "$backups/$around" || problem not-writable "$backups"
    # A rename, so that what is written at the last moment is moved too.
    did=deleted
    why=$(exec mv "$name" "$backups/$around/" 2>&1) || {
      did=skipped
      # The session continues, and standard error is read only when it ends.
      if [ -z "$told" ]; then told=yes && printf 'why %s\n' "${why##*"$newline"}"; fi
      # To another file system mv copies the file, and the copy may be cut off.
      if [ -e "$name" ] || [ -L "$name" ]; then rm -f "$backups/$place"; fi
    }
  else
    continue
  fi
  case $place in
    *"$newline"*) place=$(printf '%s' "$place" | tr '\n' '?') ;;
  esac
  printf '%s %s\n' "$did" "$place"
done
