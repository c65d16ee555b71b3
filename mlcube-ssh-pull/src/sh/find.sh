#!/bin/sh
# Runs find in the current folder. What find can't look at becomes an unreadable entry with the system's reason; what
# has vanished meanwhile isn't listed. Fails if find couldn't run or was ended, because its output is no listing then:
# find itself returns 0 or 1, and its messages begin with its name.
find_all() {
  # Outside the subshell: `problem` inside it would end only the subshell.
  know_find
  exec 4>&1
  found=$(
    find "$@" 2>&1 >&4 4>&-
    printf 'ended %s\n' "$?"
  )
  exec 4>&-
  ended=${found##*ended }
  if [ "$ended" -gt 1 ]; then
    printf '%s\n' "${found%ended *}" >&2
    return "$ended"
  fi
  printf '%s\n' "${found%ended *}" | while IFS= read -r error; do
    case $error in
      '' | "find: '"?*"': No such file or directory") continue ;;
      "find: '"?*"': "*)
        reason=${error##*"': "}
        place=${error#"find: '"}
        place=${place%"': $reason"}
        place=${place#./}
        ;;
      'find: '*)
        reason=$error
        place='(unknown)'
        ;;
      # Python may print warnings of its own and list everything.
      *)
        [ "$ended" != 0 ] || continue
        printf '%s\n' "$error" >&2
        exit 1
        ;;
    esac
    printf 'u 0 0 0.000000000 %s\0!%s\0' "$place" "$reason"
  done
}
