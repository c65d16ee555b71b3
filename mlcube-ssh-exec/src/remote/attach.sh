#!/bin/sh
# Takes up a job's log. $1 our own folder, $2 the job's id, $3 the byte from which on.

follow_job "$(absolute "$1")/jobs/$2" "$3"
