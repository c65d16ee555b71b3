#!/bin/sh
# Replies with the space that sparse files take on the disk.
# Given:
#   workspace  that holds the files
# Words: paths in it.
# Replies:
#   allocated BYTES  the sum
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-workspace "$path"
for file; do printf './%s\0' "$file"; done | xargs -0 stat -c '%b %B' -- |
  awk '{ sum += $1 * $2 } END { printf "allocated %.0f\n", sum }'
exit 0
