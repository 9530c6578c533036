"""Trains a small CNN on MNIST with NumPy, as the pipeline runs a program:

HONE_PARAMETERS  a JSON object with the parameters of hone.yaml
HONE_OUT         the one folder to write: metrics.json, history.csv, checkpoint.npz, events.jsonl (its heartbeat)
HONE_DATA        the folder of the data sets: mnist/ below it

Started again, it goes on from its checkpoint to bitwise the same weights. SIGTERM and SIGINT save and end it with
128 + signal. Other exit codes: 0 done, 3 wrong parameters, 4 data, 5 checkpoint, 6 another process is at work there,
7 diverged.
"""
import os

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # the bits of a product depend on their number
    os.environ[threads] = "1"

import fcntl
import json
import signal
import sys
import time
import zipfile

import numpy as np

from data import load_split
from layers import Network, softmax_cross_entropy

SEED = 42
TRAIN_IMAGES, VALIDATION_IMAGES, TEST_IMAGES = 5000, 1000, 2000
SAVE_SECONDS = 1
LOCK_ATTEMPTS = 50  # 0.1 s apart: who was killed is gone by then
CLASSES = 10


class Failed(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Stopped(Exception):
    def __init__(self, number):
        super().__init__()
        self.code = 128 + number


stop_signal = 0


def on_signal(number, frame):
    global stop_signal
    stop_signal = stop_signal or number


class Folder:
    """What a run leaves behind; each file is replaced as a whole, and one process at a time writes here."""

    def __init__(self, path):
        self.path = path
        self.beaten = 0.0
        os.makedirs(path, exist_ok=True)
        self.lock = open(self.at(".lock"), "ab")  # held as long as the process lives
        for attempt in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.1)
        raise Failed(6, f"{path}: another process is writing this run folder")

    def at(self, name):
        return os.path.join(self.path, name)

    def replace(self, name, write):
        temporary = self.at(f".{name}.tmp")
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.at(name))
        folder = os.open(self.path, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def event(self, **fields):
        with open(self.at("events.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")
        self.beaten = time.monotonic()

    def alive(self):
        """The heartbeat; also where a signal ends the work."""
        if time.monotonic() - self.beaten > 1:
            os.utime(self.at("events.jsonl"))
            self.beaten = time.monotonic()
        if stop_signal:
            raise Stopped(stop_signal)


def read_parameters():
    path = os.environ.get("HONE_PARAMETERS", "")
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
        kinds = {"learning_rate": float, "momentum": float, "filters": int, "kernel": int, "batch_size": int, "epochs": int}
        return {name: kind(values[name]) for name, kind in kinds.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(3, f"HONE_PARAMETERS {path!r}: {error!r}; expected the parameters of hone.yaml") from error


class Training:
    def __init__(self, parameters, folder, train):
        self.parameters, self.folder = parameters, folder
        self.images, self.labels = train
        random = np.random.default_rng([SEED, 0])
        self.network = Network(parameters["filters"], parameters["kernel"], self.images.shape[2], CLASSES, random)
        self.velocity = {name: np.zeros_like(array) for name, array in self.network.parameters().items()}
        self.epoch = self.step = 0  # done; of the epoch
        self.loss, self.correct, self.seconds = 0.0, 0, 0.0  # of the epoch so far; of the run
        self.history = []
        self.saved = time.monotonic()

    def save(self):
        state = {"parameters": self.parameters, "epoch": self.epoch, "step": self.step, "loss": self.loss,
                 "correct": self.correct, "seconds": self.seconds, "history": self.history}
        arrays = {f"weight.{name}": array for name, array in self.network.parameters().items()}
        arrays.update({f"velocity.{name}": array for name, array in self.velocity.items()})
        self.folder.replace("checkpoint.npz", lambda file: np.savez(file, state=np.array(json.dumps(state)), **arrays))
        self.saved = time.monotonic()

    def resume(self):
        """False where there is nothing to go on from."""
        path = self.folder.at("checkpoint.npz")
        if not os.path.exists(path):
            return False
        try:
            with np.load(path, allow_pickle=False) as file:
                state = json.loads(str(file["state"]))
                for name, array in self.network.parameters().items():
                    array[...] = file[f"weight.{name}"]
                    self.velocity[name][...] = file[f"velocity.{name}"]
            if state.pop("parameters") != self.parameters:
                raise ValueError("it is of a run with other parameters")
            for name, value in state.items():
                setattr(self, name, value)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise Failed(5, f"{path}: can't be used: {error}") from error
        return True

    def run(self, validation):
        while self.epoch < self.parameters["epochs"]:
            self.run_epoch()
            steps, images = self.step, len(self.images)
            loss, accuracy = evaluate(self.network, validation, self.folder)
            self.history.append([self.epoch + 1, steps * (self.epoch + 1), self.parameters["learning_rate"],
                                 self.loss / images, self.correct / images, loss, accuracy, self.seconds, ""])
            self.epoch, self.step, self.loss, self.correct = self.epoch + 1, 0, 0.0, 0
            self.save()
            print(f"epoch {self.epoch}/{self.parameters['epochs']}: validation accuracy {accuracy:.4f}", flush=True)
            self.folder.event(event="epoch", epoch=self.epoch, validation_accuracy=accuracy)

    def run_epoch(self):
        # Keyed by the epoch: whoever goes on in its middle has the same order.
        order = np.random.default_rng([SEED, 1, self.epoch]).permutation(len(self.images))
        size = self.parameters["batch_size"]
        for at in range(self.step * size, len(order), size):
            start = time.monotonic()
            self.train_batch(order[at : at + size])
            self.step += 1
            self.seconds += time.monotonic() - start
            if time.monotonic() - self.saved > SAVE_SECONDS:
                self.save()
            self.folder.alive()

    def train_batch(self, places):
        images, labels = self.images[places], self.labels[places]
        logits = self.network.forward(images)
        loss, gradient = softmax_cross_entropy(logits, labels)
        if not np.isfinite(loss):
            raise Failed(7, f"epoch {self.epoch + 1}: the loss is no longer finite; try a lower learning rate")
        self.network.backward(gradient)
        gradients = self.network.gradients()
        for name, array in self.network.parameters().items():
            self.velocity[name] *= np.float32(self.parameters["momentum"])
            self.velocity[name] -= np.float32(self.parameters["learning_rate"]) * gradients[name]
            array += self.velocity[name]
        self.loss += float(loss) * len(labels)
        self.correct += int((logits.argmax(axis=1) == labels).sum())


def evaluate(network, split, folder):
    """Mean loss and accuracy."""
    images, labels = split
    loss, correct = 0.0, 0
    for at in range(0, len(labels), 100):
        logits, right = network.forward(images[at : at + 100]), labels[at : at + 100]
        loss += float(softmax_cross_entropy(logits, right)[0]) * len(right)
        correct += int((logits.argmax(axis=1) == right).sum())
        folder.alive()
    return loss / len(labels), correct / len(labels)


def write_outcome(folder, status, training, test=None):
    """metrics.json, which `hone gate` and `hone tweak` read: what is unknown is left out."""
    metrics = {"name": "numpy_cnn", "kind": "program", "status": status, "metric": "accuracy", "seed": SEED,
               "epochs_done": training.epoch, "train_seconds": training.seconds}
    metrics["parameters"] = sum(array.size for array in training.network.parameters().values())
    if os.environ.get("HONE_COMMIT"):
        metrics["commit"] = os.environ["HONE_COMMIT"]
    if status == "finished":
        metrics["validation_accuracy"] = training.history[-1][6]
        metrics["validation_images"] = VALIDATION_IMAGES
        metrics["loss"], metrics["accuracy"] = test
        metrics["value"], metrics["test_images"] = metrics["accuracy"], TEST_IMAGES
    names = "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,images_per_second"
    rows = "".join(",".join(map(str, row)) + "\n" for row in training.history)
    folder.replace("history.csv", lambda file: file.write((names + "\n" + rows).encode()))
    folder.replace("metrics.json", lambda file: file.write(json.dumps(metrics, indent=2).encode()))
    folder.event(event="end", status=status)


def load():
    folder = os.path.join(os.environ.get("HONE_DATA", ""), "mnist")
    try:
        random = np.random.default_rng([SEED, 2])
        images, labels = load_split(folder, "train", TRAIN_IMAGES + VALIDATION_IMAGES, random)
        test = load_split(folder, "t10k", TEST_IMAGES, random)
    except (OSError, ValueError, EOFError) as error:
        raise Failed(4, f"HONE_DATA {folder!r}: {error}; expected the IDX files of MNIST") from error
    return (images[:TRAIN_IMAGES], labels[:TRAIN_IMAGES]), (images[TRAIN_IMAGES:], labels[TRAIN_IMAGES:]), test


def main():
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    np.seterr(all="ignore")  # what overflows makes the loss infinite, and that is looked at
    parameters = read_parameters()
    folder = Folder(os.environ.get("HONE_OUT") or "run")
    folder.event(event="start", parameters=parameters)
    train, validation, test = load()
    training = Training(parameters, folder, train)
    if training.resume():
        folder.event(event="resume", epoch=training.epoch, step=training.step)
    try:
        training.run(validation)
        write_outcome(folder, "finished", training, evaluate(training.network, test, folder))
    except Stopped:
        training.save()
        write_outcome(folder, "interrupted", training)
        raise
    except Failed as failed:
        if failed.code == 7:
            write_outcome(folder, "diverged", training)
        raise


if __name__ == "__main__":
    try:
        main()
    except Stopped as stopped:
        sys.exit(stopped.code)
    except Failed as failed:
        print(failed, file=sys.stderr)
        sys.exit(failed.code)
