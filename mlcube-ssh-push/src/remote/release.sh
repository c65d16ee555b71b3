#!/bin/sh
# Ends a push: looks through the code that it has replaced, and gives its incoming folder up.
# Given: push, the incoming folder; backup, the folder in which replaced code is kept aside, or nothing.
# Words, in pairs: what was pushed last, `f SIZE TIME` or `l TARGET`, and its path. Such a copy is of no use to anybody.
# Answers: a line `kept PATH` for what is kept aside (a newline in a name is shown as ?).
# shellcheck disable=SC2154 # the client sets what is given

if [ -n "$backup" ]; then
  locate "$backup"
  backup=$path
  while [ $# -gt 1 ]; do
    file=$backup/$2
    if [ -L "$file" ]; then
      [ "l $(readlink "$file")" != "$1" ] || rm -f "$file"
    elif [ -f "$file" ]; then
      # find writes a digit more than there are nanoseconds, and zeros where the disk keeps whole seconds.
      case $(find "$file" -printf 'f %s %T@') in
        "${1}0" | "${1%.*}.0000000000") rm -f "$file" ;;
      esac
    fi
    shift 2
  done
  if [ -d "$backup" ]; then
    find "$backup" -depth -type d -exec rmdir {} \; 2>/dev/null
    [ ! -d "$backup" ] || (cd "$backup" && find . ! -type d -exec sh -c '
      for name; do printf "kept %s\\n" "$(printf %s "${name#./}" | tr "\\n" "?")"; done' sh {} +)
  fi
fi
locate "$push"
release_incoming "$path"
