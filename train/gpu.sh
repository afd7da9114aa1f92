#!/bin/bash
# What is measured and trained on a GPU; see docs/training.md.
#   bash train/gpu.sh measure OUT      tests of CUDA, the benchmark, the judges of colour pictures
#   bash train/gpu.sh train OUT        the benchmark, then the checkpoints of colour models, as archives in OUT
# Pictures are read from $GANLAB_DATA; PYTHON names the interpreter; SECONDS_64, SECONDS_32 and SECONDS_BIGAN say
# how long to train. The number of epochs follows from the benchmark. Nothing is downloaded.
set -uo pipefail
part=$1 out=$2 python=${PYTHON:-python3} runs=${RUNS:-/tmp/gpu-runs}
export PYTHONUNBUFFERED=1 TQDM_DISABLE=1
mkdir -p "$out" "$runs/checkpoints"

bench() {
    [ -s "$out/bench.log" ] || $python -m train.bench --tutorial 2>&1 | grep -v -i warn | tee "$out/bench.log"
}

measure() {
    $python -m pytest -q --noconftest -p no:cacheprovider tests/train/test_cuda.py 2>&1 | tee "$out/tests.log" | tail -n 5
    bench
    $python -m train.judge imagenet64 --root "$runs/judges" > "$out/judge-imagenet64.log" 2>&1 &
    $python -m train.judge cifar10 --root "$runs/judges" > "$out/judge-cifar10.log" 2>&1 &
    wait
    tail -n 1 "$out"/judge-*.log
    tar cf "$out/judges.tar" -C "$runs" judges
}

# count_epochs SYSTEM SECONDS PICTURES: how many passes fit
count_epochs() {
    local rate
    rate=$(sed -n "s/^$1: \([0-9,]*\) images.*/\1/p" "$out/bench.log" | tr -d ,)
    echo $((rate * $2 / $3))
}

# make NAME SYSTEM SECONDS PICTURES METHOD: train and publish
make() {
    local name=$1 epochs
    epochs=$(count_epochs "$2" "$3" "$4")
    $python -m train "$5" --preset "${name%%-*}" --epochs "$epochs" --out "$runs/$name" \
        --pictures-every $(((epochs + 1) / 2)) --save-every "$epochs" > "$out/$name.log" 2>&1
    tail -n 1 "$runs/$name/metrics.jsonl"
    $python -m train.publish "$runs/$name" "$name" --no-evaluate --root "$runs/checkpoints" >> "$out/$name.log" 2>&1
}

# map NAME FLAGS...: fit the latent map of a checkpoint
map() {
    local name=$1
    shift
    $python -m train.latent_map "$runs/checkpoints/$name" --run "$runs/map-$name" --mirror "$@" > "$out/map-$name.log" 2>&1
    tail -n 2 "$out/map-$name.log"
}

# pack NAME: the checkpoint with the settings and the log of its run
pack() {
    tar cf "$out/$1.tar" -C "$runs" "checkpoints/$1" "$1/metrics.jsonl" "$1/config.json"
}

train() {
    bench
    make imagenet64-bigan-plus "bigan-plus 64" "${SECONDS_64:-200}" 25000 bigan-plus
    pack imagenet64-bigan-plus
    make cifar10-bigan-plus "bigan-plus 32" "${SECONDS_32:-120}" 50000 bigan-plus
    pack cifar10-bigan-plus
    make imagenet64-bigan "bigan 64" "${SECONDS_BIGAN:-30}" 25000 bigan &
    map imagenet64-bigan-plus ${MAP_FLAGS:-} &
    map cifar10-bigan-plus ${MAP_FLAGS:-} &
    wait
    for name in imagenet64-bigan-plus cifar10-bigan-plus imagenet64-bigan; do pack $name; done
    (cd "$runs" && tar cf "$out/grids.tar" --exclude=epoch_0000.png ./*/samples ./*/reconstructions)
    ls -la "$out"
}

"$part"
