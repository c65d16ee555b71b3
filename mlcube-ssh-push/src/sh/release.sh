#!/bin/sh
# Releases the incoming folder of a push.
# Given: push, the incoming folder; backups, the folder for those of this push, or nothing; transfer_id, the id of a
# push that did all, and transfer_file, the name of the file for it; or nothing; workspace, the folder that the push
# fills.
# Replies: noted if the remote has the id now; a line `backups` if that folder exists.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
release_incoming "$path"
[ -n "$backups" ] || exit 0
locate "$backups"
[ ! -d "$path" ] || echo 'backups yes'
