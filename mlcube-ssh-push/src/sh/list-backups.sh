#!/bin/sh
# Lists the backups of what a push has replaced or deleted.
# Given:
#   backups  the folder that holds them
#   format   of the listing
# Replies:
#   listing  then the listing
# shellcheck disable=SC2154 # the client sets what is given

locate "$backups"
printf 'listing\n'
[ ! -d "$path" ] || (cd "$path" && find . -mindepth 1 -printf "$format")
