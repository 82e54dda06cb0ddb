"""Arrays: a tone is found in noise by another process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rpc
from examples import arrays
from tests.example_tools import serving


async def test_the_tone_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(arrays.signals, f"unix:{tmp_path}/s") as [address]:
        await arrays.listen(440, address)
    assert capsys.readouterr().out.splitlines() == ["all of it: 440.0 Hz"] + ["a second: 440.0 Hz"] * 4


async def test_a_spectrum_is_the_same_as_here() -> None:
    samples = arrays.tone(1000)
    async with rpc.testing.client(arrays.signals) as client:
        np.testing.assert_array_equal(await client.call(arrays.spectrum, samples), arrays.spectrum(samples))


async def test_what_is_no_tone_is_refused() -> None:
    async with rpc.testing.client(arrays.signals) as client:
        with pytest.raises(rpc.InvalidArgument, match="argument 'samples' expected an array of float64, got one of in"):
            await client.call("signals.spectrum", np.arange(100))
        for samples in (np.zeros((2, 2)), np.zeros(0)):
            with pytest.raises(rpc.InvalidArgument, match="samples are an array of one dimension"):
                await client.call(arrays.spectrum, samples)
        with pytest.raises(rpc.InvalidArgument, match="a stretch has at least one sample"):
            async with client.stream(arrays.windows, np.zeros(4), 0) as spectra:
                await anext(spectra)
