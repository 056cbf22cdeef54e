#!/bin/sh
# Ask a running service for the action in a clip: sh examples/ask_service.sh MODEL CLIP [ADDRESS]
set -eu
model=$1 clip=$2 address=${3:-localhost:8000}

curl --silent --show-error --fail-with-body --form "video=@$clip" "$address/predict?model=$model&top_k=3"
echo
