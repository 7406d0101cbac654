#!/usr/bin/env bash
# A suite as a SLURM job array: every element trains one shard, all of them in one shared folder.
#
#   sbatch --array=0-15 examples/slurm_array.sh gin/suites/smoke.gin runs/smoke
#
# --requeue and the signal let a job that is pre-empted or out of time write checkpoints and go on where it left off.
#SBATCH --job-name=lasem
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=2G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
#SBATCH --open-mode=append
#SBATCH --output=lasem_%A_%a.log
set -euo pipefail
suite=${1:?name the suite file}
output_dir=${2:?name the folder of the results}

python -m benchmark.run --gin_file="$suite" --output_dir="$output_dir" \
  --shard="$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --jobs="$SLURM_CPUS_PER_TASK" &
run=$!
# Bash hands no signal on to what it waits for.
trap 'kill -TERM $run' TERM
status=0
wait $run || status=$?
if kill -0 $run 2>/dev/null; then  # The trap ended the first wait; the run is writing its checkpoints.
  status=0
  wait $run || status=$?
fi
if [ "$status" -eq 143 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
