"""Fixtures that several test files use."""

import resource
import signal
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# Files and folders that take long, or compile: all else, `pytest -m "not slow"`, takes some minutes and calls
# every library.
SLOW = (
    "assets/test_pretrained.py",
    "audio/spectral/test_autocorrelation.py",
    "audio/spectral/test_compiling.py",
    "audio/spectral/test_converting.py",
    "audio/test_blocks.py",
    "audio/test_cutting.py",
    "audio/test_decoding.py",
    "benchmarking",
    "cli/test_advice.py",
    "cli/test_conditions.py",
    "cli/test_examination.py",
    "cli/test_outputs.py",
    "cli/test_pictures.py",
    "cli/test_readme.py",
    "cli/test_streams.py",
    "cli/test_without_torch.py",
    "compression/test_conditions.py",
    "compression/test_damage.py",
    "compression/test_files.py",
    "csrc",
    "data/preparing/test_audio.py",
    "data/preparing/test_audit_lines.py",
    "data/preparing/test_held_out.py",
    "data/preparing/test_memory.py",
    "data/preparing/test_near_copies.py",
    "data/test_damaged_corpus.py",
    "data/test_frames.py",
    "docs",
    "engine/test_clicks.py",
    "engine/test_combinations.py",
    "engine/test_conditioned.py",
    "engine/test_conditions.py",
    "engine/test_cuda.py",
    "engine/test_listening.py",
    "engine/test_protocol.py",
    "engine/test_spectral.py",
    "engine/test_spectral_shapes.py",
    "evaluation/test_adaptive.py",
    "evaluation/test_known_truth.py",
    "models/test_conditioning.py",
    "models/test_density.py",
    "models/test_familiarity.py",
    "models/test_networks2d.py",
    "models/test_pixelrnn.py",
    "models/test_spectral_fit.py",
    "quickstart",
    "recipes/test_anomalies.py",
    "recipes/test_asterisk_scripts.py",
    "recipes/test_scripts.py",
    "recipes/test_shipped.py",
    "sampling/test_feature_files.py",
    "sampling/test_pictures.py",
    "system/test_optional.py",
    "system/test_optional_engines.py",
    "system/test_signals.py",
    "test_levels.py",
    "training/test_combinations.py",
    "training/test_conditional_runs.py",
    "training/test_conditions.py",
    "training/test_distributed.py",
    "training/test_pictures.py",
    "training/test_precision.py",
    "training/test_resume.py",
    "training/test_run_folder.py",
    "training/test_spectral.py",
    "training/test_stack.py",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.relative_to(TESTS).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


# Files whose tests run on what stands in for a GPU, which takes most of a minute to compile in each process that does.
ON_THE_STAND_IN = (
    "csrc/test_cuda.py",
    "csrc/test_cuda_conditions.py",
    "csrc/test_cuda_streams.py",
    "engine/test_cuda.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each file's tests run in one process, and all that need the stand-in in the same."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return ON_THE_STAND_IN[0] if file.endswith(ON_THE_STAND_IN) else file

    return Scheduling(config, log)


@pytest.fixture
def full_disk():
    """No file may grow beyond 4 KiB: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with what `workspace.furnish` makes."""
    import workspace  # and torch, which not every file of tests needs

    folder = tmp_path_factory.mktemp("furnished")
    workspace.furnish(folder)
    return folder


@pytest.fixture
def in_the_folder(furnished, monkeypatch):
    """Commands run in the furnished folder."""
    monkeypatch.chdir(furnished)


@pytest.fixture
def plain_signals():
    """Python's own handlers, which a shell may have replaced for what runs in the background."""
    plain = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in plain.items()}
    yield
    assert all(signal.getsignal(number) == handler for number, handler in plain.items()), "main puts all back"
    for number, handler in before.items():
        signal.signal(number, handler)
