#!/bin/sh
# Releases the incoming folder of a push.
# Given: push, the incoming folder.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
release_incoming "$path"
