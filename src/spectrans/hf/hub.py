"""How a model goes to a folder or to the hub: config, weights, a page, and code where asked."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from huggingface_hub import HfApi
from transformers import PreTrainedModel

from spectrans.disk import write_whole
from spectrans.hf.card import model_card
from spectrans.hf.config import SpectransConfig
from spectrans.hf.export import write_code
from spectrans.models import HybridTransformer

PAGE = "README.md"


class OnHub(PreTrainedModel):
    """Saving and pushing, with a page that says what the model is."""

    config: SpectransConfig
    model: HybridTransformer
    # The Auto class that finds the model, and the hub's name of the task.
    auto_class: ClassVar[str]
    pipeline_tag: ClassVar[str]

    def save_pretrained(
        self,
        save_directory: Any,
        *arguments: Any,
        data: str | None = None,
        metrics: Mapping[str, float] | None = None,
        **settings: Any,
    ) -> None:
        """Write config, weights and the page `README.md` into a folder.

        Parameters
        ----------
        save_directory
            Folder, made if missing.
        *arguments
            Handed on to `PreTrainedModel.save_pretrained`.
        data
            What the model was trained and scored on, for the page.
        metrics
            What it scored, for the page. A page that is there stays if both are left out.
        **settings
            Handed on.

        Raises
        ------
        ValueError
            `push_to_hub=True`: that would send the folder before it is complete.
        """
        if settings.get("push_to_hub"):
            raise ValueError("push_to_hub must be called as a method: model.push_to_hub(repo_id)")
        super().save_pretrained(save_directory, *arguments, **settings)
        if not settings.get("is_main_process", True):
            return
        folder = Path(save_directory)
        if self._auto_class is not None:
            write_code(folder, type(self), SpectransConfig)
        if data or metrics or not (folder / PAGE).exists():
            card = model_card(self, name=folder.resolve().name, data=data, metrics=metrics)
            write_whole(folder / PAGE, str(card))

    def push_to_hub(  # type: ignore[override]
        self,
        repo_id: str,
        *,
        data: str | None = None,
        metrics: Mapping[str, float] | None = None,
        private: bool | None = None,
        token: bool | str | None = None,
        **settings: Any,
    ) -> str:
        """Send config, weights and page to a repository of the hub.

        Parameters
        ----------
        repo_id
            Name of the repository, made if missing.
        data
            What the model was trained and scored on, for the page.
        metrics
            What it scored, for the page. A page that is there stays if both are left out.
        private
            Whether a new repository is private.
        token
            Who asks.
        **settings
            `commit_message`, `commit_description`, `revision` or `create_pr`; `max_shard_size`
            for the files.

        Returns
        -------
        str
            Address of the commit.
        """
        size = {k: settings.pop(k) for k in ("max_shard_size",) if k in settings}
        settings.setdefault("commit_message", "Upload model")
        hub = HfApi(token=token)
        repo_id = hub.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if settings.get("revision") is not None:
            hub.create_branch(repo_id, branch=settings["revision"], exist_ok=True)
        keep = not (data or metrics) and hub.file_exists(repo_id, PAGE)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / repo_id.rpartition("/")[2]
            self.save_pretrained(folder, data=data, metrics=metrics, **size)
            if keep:
                (folder / PAGE).unlink()
            return hub.upload_folder(repo_id=repo_id, folder_path=folder, **settings).commit_url

    @classmethod
    def register_for_auto_class(cls, auto_class: str | type | None = None) -> None:
        """Have saved folders say, and carry code that says, where the model's classes are.

        Parameters
        ----------
        auto_class
            Auto class that is to find the model; None is the one it is registered with.
        """
        SpectransConfig.register_for_auto_class()
        super().register_for_auto_class(auto_class or cls.auto_class)
