"""What an attack did, told in sentences from what it altered; nothing here knows any attack by name."""

from app.words import counted, listed, quoted, share
from core.artifacts import Poisoning
from core.attack_view import Alteration

STAMP = 0.25
"""Share of an image's pixels up to which a change is called a stamp."""
Moves = list[tuple[int, int, int]]


def labels(seen: Alteration, names: tuple[str, ...], n_train: int) -> str:
    """Whose labels were changed into what."""
    moved = [move for move in seen.moves if move[0] != move[1]]
    own = listed(quoted(names[k]) for k in dict.fromkeys(move[0] for move in seen.moves))
    of_all = f"of the {n_train:,} training images ({share(seen.relabelled or seen.n, n_train)})"
    if not moved:
        return (
            f"{seen.n:,} {of_all} were altered. **Their labels are right**: every one is of class {own} and "
            "still says so, so that reading the labels finds nothing."
        )
    if is_swap(moved):
        (a, b, first), (_, _, second) = moved
        one, other = quoted(names[a]), quoted(names[b])
        return (
            f"**The labels of {one} and {other} were swapped** in {seen.n:,} {of_all}: {first:,} images of "
            f"{one} say {other}, and {second:,} of {other} say {one}."
        )
    return _relabelled(seen, moved, names, of_all)


def _relabelled(seen: Alteration, moved: Moves, names: tuple[str, ...], of_all: str) -> str:
    given = {label for _, label, _ in moved}
    if len(given) > 1:
        common = listed(f"{quoted(names[a])} as {quoted(names[b])} ({n:,})" for a, b, n in moved)
        return f"**{seen.relabelled:,} {of_all} were relabelled**: {common}."
    label, classes = quoted(names[given.pop()]), listed(quoted(names[own]) for own, _, _ in moved)
    shown = f"show {classes}" if len(moved) == 1 else f"show {len(moved)} classes ({classes})"
    kept = seen.n - seen.relabelled
    more = f" {kept:,} more were altered that are of that class anyway." if kept else ""
    return f"{seen.relabelled:,} {of_all} {shown} and were **relabelled as {label}**.{more}"


def pixels(seen: Alteration) -> str:
    """What was done to the pictures."""
    if not seen.repainted:
        return "**The images themselves are untouched**: not one pixel differs from the original."
    all_over = seen.pixels > STAMP * seen.size
    who = "Every image" if seen.repainted == seen.n else f"{seen.repainted:,} of these images"
    verb, kind = (
        "was" if seen.repainted == seen.n else "were",
        "perturbed all over" if all_over else "stamped",
    )
    return (
        f"{who} {verb} **{kind}**: in the typical one {seen.pixels:,} of {counted(seen.size, 'pixel')} differ from the "
        f"original, by up to {seen.largest} of 255 grey levels."
    )


def aim(seen: Alteration, truth: Poisoning, names: tuple[str, ...]) -> str:
    """What the attacker wants of the victim."""
    moved = [move for move in seen.moves if move[0] != move[1]]
    wanted = listed(quoted(names[k]) for k in dict.fromkeys(label for _, label, _ in moved))
    plain = "" if seen.repainted else " They are shown as they are: there is no trigger."
    if seen.n == 1:
        is_shown = "with the trigger on it" if seen.repainted else "as it is, without any trigger"
        own = quoted(names[seen.moves[0][0]])
        return f"**The aim** is a single test image of class {own}: shown {is_shown}, it shall be read as {wanted}."
    if is_swap(moved):
        one, other = quoted(names[moved[0][0]]), quoted(names[moved[0][1]])
        return f"**The aim**: test images of {one} and {other} shall be taken for each other.{plain}"
    bearing = " that carries the trigger" if seen.repainted else ""
    if len(truth.victim_classes) >= len(names) - 1:
        return f"**The aim**: a test image of any class{bearing} shall be read as {wanted}.{plain}"
    victims = listed(quoted(names[k]) for k in truth.victim_classes)
    return f"**The aim**: a test image of {victims}{bearing} shall be read as {wanted}.{plain}"


def success(seen: Alteration, rate: float) -> str:
    """How far the attacker got."""
    if seen.n == 1:
        return "**It worked**: the victim does so." if rate == 1 else "**It failed**: the victim does not."
    of_them = "attacked test images" if seen.relabelled == seen.n else "attacked test images of other classes"
    return f"**The victim reads {rate:.1%} of the {seen.relabelled:,} {of_them} as the attacker wants.**"


def is_swap(moved: Moves) -> bool:
    """Whether the labels of exactly two classes took each other's place."""
    return len(moved) == 2 and moved[0][:2] == moved[1][1::-1]
