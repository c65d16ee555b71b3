#!/bin/sh
# Releases the incoming folder of a push.
# Given:
#   push           the incoming folder
#   workspace      that the push fills
#   backups        the folder for those of this push, or nothing
#   transfer_id    the id of a push that did all, or nothing
#   transfer_file  the name of the file for it
# Replies:
#   noted    if the remote has the id now
#   backups  if that folder exists
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
release_incoming "$path"
[ -n "$backups" ] || exit 0
locate "$backups"
[ ! -d "$path" ] || echo 'backups yes'
