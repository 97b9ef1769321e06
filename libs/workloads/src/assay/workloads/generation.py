"""Text from the model: its likeliest continuation of a prompt, with or without an adapter."""

import torch

from assay.workloads.base_model import apply_adapter, load_adapted
from assay.workloads.errors import BadParams
from assay.workloads.finetune import FinetuneParams
from assay.workloads.llama import GenerationConfig, PreTrainedTokenizerFast
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
    tokenizer = PreTrainedTokenizerFast.from_pretrained(inputs.models.path(params.model), local_files_only=True)
    asked = torch.tensor([encode_prompt(tokenizer, prompt)], device=adapted.device)
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.no_grad():
        answer = adapted.model.generate(asked, attention_mask=torch.ones_like(asked), generation_config=settings)
    return str(tokenizer.decode(answer[0, asked.shape[1] :], skip_special_tokens=True))


def encode_prompt(tokenizer: PreTrainedTokenizerFast, prompt: str) -> list[int]:
    """Return the prompt's tokens, as a user's message where the model was trained for chat."""
    if not tokenizer.chat_template:
        return list(tokenizer.encode(prompt))
    message = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    return list(tokenizer.encode(str(text), add_special_tokens=False))
