# docker build -t ganlab . && docker run --rm -p 7860:7860 --read-only --tmpfs /tmp ganlab
FROM python:3.12-slim

# The CPU build of PyTorch; for a GPU leave the index out, and run with --gpus all.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt /app/
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -r /app/requirements.txt

COPY app.py LICENSE /app/
COPY ganlab/ /app/ganlab/
COPY checkpoints/ /app/checkpoints/
RUN python -m compileall -q /app

# Nothing is written but into /tmp: the root may be read-only.
ENV HOME=/tmp TMPDIR=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# One thread for each product of matrices: many visitors share the cores already, and threads that wait for each
# other cost them more than they save. For a single visitor, docker run -e OMP_NUM_THREADS=4.
ENV OMP_NUM_THREADS=1
WORKDIR /app
USER 10001
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=8)"]
CMD ["python", "app.py", "--host", "0.0.0.0"]
