"""Text from the model: its likeliest continuation of a prompt, with or without an adapter."""

from typing import Any

import torch

from assay.workloads.base_model import apply_adapter, load_adapted
from assay.workloads.errors import BadParams
from assay.workloads.finetune import FinetuneParams
from assay.workloads.llama import GenerationConfig
from assay.workloads.templates import load_template, write_chat
from assay.workloads.workload import Inputs

NEW_TOKENS_MAX = 1024
PROMPT_CHARS_MAX = 16_384


def generate_text(
    params: FinetuneParams, inputs: Inputs, adapter: bytes | None, prompt: str, max_new_tokens: int
) -> str:
    """Return the answer to this prompt, token by likeliest token.

    Raises BadParams for a prompt or length out of bounds.
    """
    if not prompt or len(prompt) > PROMPT_CHARS_MAX or not 1 <= max_new_tokens <= NEW_TOKENS_MAX:
        raise BadParams(f"A prompt has 1 to {PROMPT_CHARS_MAX} characters, an answer 1 to {NEW_TOKENS_MAX} tokens.")
    adapted = load_adapted(params, inputs.models)
    apply_adapter(adapted, adapter)
    tokenizer = load_template(inputs.models.path(params.model))
    asked = torch.tensor([encode_prompt(tokenizer, prompt)], device=adapted.device)
    settings = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.no_grad():
        answer = adapted.model.generate(asked, attention_mask=torch.ones_like(asked), generation_config=settings)
    return str(tokenizer.decode(answer[0, asked.shape[1] :], skip_special_tokens=True))


def encode_prompt(tokenizer: Any, prompt: str) -> list[int]:
    """Return the prompt's tokens, as a user's message where the model was trained for chat. Raises BadData."""
    if not tokenizer.chat_template:
        return list(tokenizer.encode(prompt))
    text = write_chat(tokenizer, [{"role": "user", "content": prompt}], opens_answer=True)
    return list(tokenizer.encode(text, add_special_tokens=False))
