"""The prompts of the benchmark: unlike in subject and in the length of their answers."""

from typing import Final

SUBJECTS: Final = (
    "copper",
    "the sea",
    "photosynthesis",
    "compilers",
    "bread",
    "Isaac Newton",
    "glaciers",
    "jazz",
    "vaccines",
    "chess",
    "the Moon",
    "coffee",
)
QUESTIONS: Final = (
    "What is {} good for?",
    "Write a short poem about {}.",
    "Explain to a child what one should know of {}, in a few sentences.",
    "List five facts about {} and say of each why it matters.",
)


def prompts(count: int) -> list[str]:
    """The first so many prompts."""
    pairs = [(question, subject) for question in QUESTIONS for subject in SUBJECTS]
    return [question.format(subject) for question, subject in pairs][:count]
