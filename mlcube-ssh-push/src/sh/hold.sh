#!/bin/sh
# Holds the incoming folder of a push while its session lasts.
# Given: push, the folder; base and workspace, what it fills.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
hold_again "$path" "$base" "$workspace"
