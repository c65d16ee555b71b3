#!/bin/sh
# Lists what a push has replaced or deleted.
# Given: backups, the folder in which it is kept aside; format, that of the list.
# Answers: a line `listing` and the list.
# shellcheck disable=SC2154 # the client sets what is given

locate "$backups"
printf 'listing\n'
[ ! -d "$path" ] || (cd "$path" && find . -mindepth 1 -printf "$format")
