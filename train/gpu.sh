#!/bin/bash
# What is measured and trained on a GPU, in two parts; see docs/training.md.
#   bash train/gpu.sh measure OUT      tests of CUDA, the benchmark, judges, short trials of the game
#   bash train/gpu.sh train OUT        the checkpoints of colour models, as archives in OUT
# Pictures are read from $GANLAB_DATA; PYTHON names the interpreter. Nothing is downloaded.
set -uo pipefail
part=$1 out=$2 python=${PYTHON:-python3} runs=${RUNS:-/tmp/gpu-runs}
export PYTHONUNBUFFERED=1 TQDM_MININTERVAL=30
mkdir -p "$out" "$runs"

# run NAME FLAGS...: a training run with its log
run() {
    local name=$1
    shift
    $python -m train "$@" --out "$runs/$name" --pictures-every 10 --save-every 10 > "$runs/$name.log" 2>&1
    tail -n 1 "$runs/$name/metrics.jsonl"
}

measure() {
    $python -m train.judge imagenet64 --root "$runs/judges" > "$out/judge-imagenet64.log" 2>&1 &
    $python -m train.judge cifar10 --root "$runs/judges" > "$out/judge-cifar10.log" 2>&1 &
    $python -m pytest -q --noconftest -p no:cacheprovider tests/train/test_cuda.py 2>&1 | tail -n 30
    wait
    tail -n 2 "$out"/judge-*.log
    tar cf "$out/judges.tar" -C "$runs" judges
    $python -m train.bench --tutorial 2>&1 | tee "$out/bench.log"
    $python -m train.bench --precision fp32 --system "bigan-plus 32" 2>&1 | tail -n 1 | tee -a "$out/bench.log"
    for trial in decoded pair; do
        flags=()
        [ $trial = pair ] && flags=(--pair-weight 1 --decoded-weight 0 --feature-weight 0)
        timeout -s TERM "${TRIAL_SECONDS:-60}" $python -m train bigan-plus --preset cifar10 --epochs 12 \
            --ema 0.99 --pictures-every 1 --save-every 100 --out "$runs/trial-$trial" "${flags[@]}" \
            > "$runs/trial-$trial.log" 2>&1 &
    done
    wait
    tail -n 1 "$runs"/trial-*/metrics.jsonl
    tail -n 3 "$runs"/trial-*.log
    tar cf "$out/trials.tar" -C "$runs" --exclude=resume.pt $(cd "$runs" && ls -d trial-*)
}

"$part"
