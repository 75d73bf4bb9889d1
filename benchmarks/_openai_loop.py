"""What one would write by hand: asyncio and `AsyncOpenAI` behind a semaphore, answers to a journal as they come.

The measure of `throughput.py`: `python benchmarks/_openai_loop.py BASE_URL MODEL ROWS.jsonl JOURNAL.jsonl CONCURRENCY`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import openai


def content(row: dict[str, Any], folder: Path) -> Any:
    """Return the row's text, or its text and picture."""
    if "image" not in row:
        return row["question"]
    data = base64.b64encode((folder / row["image"]).read_bytes()).decode()
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
    return [{"type": "text", "text": row["question"]}, picture]


async def ask(base_url: str, model: str, source: Path, journal: TextIO, concurrency: int) -> None:
    """Ask every row once; the client's own retries are on, as they are by default."""
    places = asyncio.Semaphore(concurrency)

    async def one(row: dict[str, Any]) -> None:
        async with places:
            asked: Any = [{"role": "user", "content": content(row, source.parent)}]
            try:
                reply = await client.chat.completions.create(model=model, messages=asked)
            except openai.OpenAIError as error:
                print(row["id"], error, file=sys.stderr)
                return
            journal.write(json.dumps({"id": row["id"], "response": reply.choices[0].message.content}) + "\n")

    async with openai.AsyncOpenAI(base_url=base_url, api_key="none", timeout=120) as client:
        await asyncio.gather(*(one(json.loads(line)) for line in lines(source)))


def lines(source: Path) -> list[str]:
    """Return the lines of a file."""
    return source.read_text(encoding="utf-8").splitlines()


def main(base_url: str, model: str, source: str, journal: str, concurrency: str) -> None:
    """Run the loop."""
    with Path(journal).open("w", buffering=1, encoding="utf-8") as file:
        asyncio.run(ask(base_url, model, Path(source), file, int(concurrency)))


if __name__ == "__main__":
    main(*sys.argv[1:])
