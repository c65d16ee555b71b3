#!/bin/sh
# Gives the incoming folder of a push up.
# Given: push, the folder.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
release_incoming "$path"
