#!/bin/sh
# Holds the incoming folder of a push while its session lasts.
# Given:
#   push       the incoming folder
#   base       the remote tree
#   workspace  that the push fills
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
hold_again "$path" "$base" "$workspace"
