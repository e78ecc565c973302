"""Checkers for the exercises, in modules named after their lessons.

Each `check_*` takes the learner's own function, tries it on two or more small inputs and prints one line: right, not
attempted yet, or a hint that names the mistake. It never shows the answer. Solutions: notebooks/solutions/.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "lesson_01": ["check_to_tensor", "check_convolve", "check_average_pool"],
        "lesson_02": ["check_patch_rows", "check_normalize_input", "check_sparsity"],
        "lesson_03": ["check_content_loss", "check_content_loss_gradient"],
        "lesson_04": ["check_gram_matrix", "check_layer_style_loss", "check_style_loss_gradient"],
        "lesson_05": ["check_weighted_style_loss", "check_alpha_for", "check_to_bytes"],
        "lesson_05_objective": ["check_my_objective"],
        "lesson_05_paint": ["check_my_paint"],
        "lesson_06": ["check_worksheet", "check_never_together"],
        "lesson_07": ["check_found_setting", "check_fair_runs", "check_shown", "hidden_settings"],
        "lesson_08": ["check_two_loop", "check_find_rate"],
        "lesson_08_race": ["check_race"],
        "lesson_09": [*(f"check_bug_{number}" for number in range(1, 13)), "count_bugs", "versions"],
    },
)
