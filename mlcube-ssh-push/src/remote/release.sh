#!/bin/sh
# Gives up the incoming folder of a push that has ended, and removes it if nothing is left in it.
# Given: push, the folder.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
release_incoming "$path"
