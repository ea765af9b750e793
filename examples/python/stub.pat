# What a value does not say of its type, for nanobind's stubgen.
atlas\._atlas\.estimator_names$:
    estimator_names: tuple[str, ...]
